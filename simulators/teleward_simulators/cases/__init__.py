"""Teaching cases as data: one readable file each, run on a patient who reacts."""
