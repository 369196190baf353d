"""Debrief: what happened at a bedside on one time axis, and the same patient treated otherwise.

relive.py    the patient of a log once more, without waves, from its seed and its orders
ghosts.py    the same with one thing done otherwise: in time, left out, or all at its best
timeline.py  one seat's encounter: the patient, the screen, and what was done
overlay.py   one case of a class: each action a dot a learner, and moments worth a talk
"""
