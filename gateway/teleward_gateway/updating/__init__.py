"""Updates of an installed gateway: signed files, versions side by side, trial and return.

bundle     the file of an update: manifest, signature, wheel
checks     disk, supply and clock before anything is changed
prepare    the steps before the trial: nothing that runs is touched
trial      the state of a trial on disk, which survives a power cut
guard      the trial itself: switch, restart, health gate, accept or go back
gate       the decision, from what was seen before and what is seen now
"""
