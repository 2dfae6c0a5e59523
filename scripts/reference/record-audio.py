"""Records what TensorFlow, librosa and Kaldi hear in a short sound: python record-audio.py OUT.json

Needs tensorflow, librosa and kaldi-native-fbank. The sound is made here from integers and written down with the results.
"""

import json
import sys

import kaldi_native_fbank as knf
import librosa
import numpy as np
import tensorflow as tf

RATE = 16000
COMMON = {"sampleRate": RATE, "lowHz": 60.0, "highHz": 7000.0}
USUAL = {**COMMON, "window": 400, "hop": 160, "fft": 512, "melBands": 20, "coefficients": 12}
# Lengths that are odd, which TensorFlow treats in ways of its own; few frames, to keep the file small.
ODD = {**COMMON, "window": 401, "hop": 500, "fft": 513, "melBands": 20, "coefficients": 12}

time = np.arange(1200)
noise = ((time * 7919 + time * time * 104729) % 2001) - 1000
sweep = 9000 * np.sin(2 * np.pi * (200 + 2.5 * time) * time / RATE)
# Silence at the end shows where each library cuts its logarithm off.
levels = np.where(time < 900, np.round(sweep + noise), 0).astype(np.int16)
samples = levels.astype(np.float32) / 32768


def tensorflow(s):
    spectrum = tf.abs(tf.signal.stft(samples, s["window"], s["hop"], s["fft"], window_fn=tf.signal.hann_window))
    matrix = tf.signal.linear_to_mel_weight_matrix(s["melBands"], s["fft"] // 2 + 1, RATE, s["lowHz"], s["highHz"])
    log_mel = tf.math.log(tf.tensordot(spectrum, matrix, 1) + 1e-6)
    mfcc = tf.signal.mfccs_from_log_mel_spectrograms(log_mel)[..., : s["coefficients"]]
    return {"magnitude": spectrum.numpy(), "log-mel": log_mel.numpy(), "mfcc": mfcc.numpy()}


def of_librosa(s):
    frames = {"n_fft": s["fft"], "hop_length": s["hop"], "win_length": s["window"]}
    bands = {"n_mels": s["melBands"], "fmin": s["lowHz"], "fmax": s["highHz"]}
    spectrum = np.abs(librosa.stft(samples, **frames))
    power = librosa.feature.melspectrogram(y=samples, sr=RATE, **frames, **bands)
    mfcc = librosa.feature.mfcc(y=samples, sr=RATE, n_mfcc=s["coefficients"], **frames, **bands)
    return {"magnitude": spectrum.T, "log-mel": librosa.power_to_db(power).T, "mfcc": mfcc.T}


def of_kaldi(s):
    def framed(options):
        options.frame_opts.dither = 0
        options.frame_opts.samp_freq = RATE
        options.frame_opts.frame_length_ms = 1000 * s["window"] / RATE
        options.frame_opts.frame_shift_ms = 1000 * s["hop"] / RATE
        options.mel_opts.num_bins = s["melBands"]
        options.mel_opts.low_freq = s["lowHz"]
        options.mel_opts.high_freq = s["highHz"]
        return options

    def run(computer):
        computer.accept_waveform(RATE, levels.astype(np.float32).tolist())
        computer.input_finished()
        return np.stack([computer.get_frame(i) for i in range(computer.num_frames_ready)])

    fbank = framed(knf.FbankOptions())
    fbank.use_energy = False
    mfcc = framed(knf.MfccOptions())
    mfcc.num_ceps = s["coefficients"]
    mfcc.use_energy = False
    return {"log-mel": run(knf.OnlineFbank(fbank)), "mfcc": run(knf.OnlineMfcc(mfcc))}


def plain(array):
    return {"shape": list(array.shape), "values": [float(f"{v:.7g}") for v in array.ravel()]}


def recorded(settings, libraries):
    results = {name: {kind: plain(array) for kind, array in run(settings).items()} for name, run in libraries.items()}
    return {"settings": settings, "results": results}


with open(sys.argv[1], "w") as file:
    json.dump(
        {
            "recorded": f"tensorflow {tf.__version__}, librosa {librosa.__version__}, kaldi-native-fbank {knf.__version__}",
            "levels": levels.tolist(),
            "recordings": [
                recorded(USUAL, {"tensorflow": tensorflow, "librosa": of_librosa, "kaldi": of_kaldi}),
                recorded(ODD, {"tensorflow": tensorflow}),
            ],
        },
        file,
    )
