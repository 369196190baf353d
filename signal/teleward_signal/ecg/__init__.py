"""The electrocardiogram: beats, their classes, quality and rhythm."""
