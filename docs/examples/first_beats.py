"""First beats: a recording in, beats, rates and rhythms out. Run cell by cell or as a whole.

Needs ``pip install ".[sim,notebook]"``. A teaching aid, not a certified medical device.
"""

# %% A recording: one channel of numbers, with its rate in Hz
from teleward_signal import ecg, ppg, respiration
from teleward_simulators.recordings.excerpt import Excerpt, names

print(names())
patient = Excerpt(next(name for name in names() if "ecg_ii" in Excerpt(name).metrics()))
fs = patient.sampling_rate("ecg_ii")
lead_ii_mv = patient.waveform("ecg_ii", fs, 0, round(30 * fs))

# %% Beats: every array is named, has one value a beat and a unit
beats = ecg.analyse(lead_ii_mv, fs=fs)
print(beats)
print(beats.time_s[:5], beats.interval_s[:5], beats.label[:5])
print(beats.heart_rate, beats.rhythms)

# %% The same beats against what a cardiologist marked
marked = patient.beats(0.0, 30.0)
print(f"{len(beats)} beats found, {len(marked)} marked")

# %% As a table
table = beats.to_frame()
print(table.head())
print(table.attrs["units"])

# %% As a picture: the display filter of a monitor, 0.5 to 40 Hz, and the R peaks
beats.plot()

# %% Pulses and breaths have the same form
for module, metric in ((ppg, "pleth"), (respiration, "respiration")):
    if metric in patient.metrics():
        rate = patient.sampling_rate(metric)
        print(module.analyse(patient.waveform(metric, rate, 0, round(30 * rate)), fs=rate))
