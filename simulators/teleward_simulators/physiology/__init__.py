"""A patient who reacts: circulation, gas exchange, metabolism and drugs at ten steps a second."""
