"""Records how Pillow resizes small pictures of one float channel: python record-resize.py OUT.json

box and bicubic are compared as they are; nearest too. Pillow widens its bilinear filter when shrinking, which ours never does: the two
are the same when enlarging. Needs Pillow and numpy.
"""

import json
import sys

import numpy as np
import PIL
from PIL import Image

FILTERS = {"nearest": Image.NEAREST, "area": Image.BOX, "bicubic": Image.BICUBIC}
SIZES = [(9, 7, 4, 3), (5, 4, 8, 9), (12, 12, 5, 12), (3, 3, 3, 3)]

cases = []
for width, height, out_width, out_height in SIZES:
    pixels = np.array([[(37 * x + 61 * y + x * y * 13) % 256 for x in range(width)] for y in range(height)], dtype=np.float32)
    enlarging = out_width >= width and out_height >= height
    filters = {**FILTERS, "bilinear": Image.BILINEAR} if enlarging else FILTERS
    for name, kind in filters.items():
        image = Image.fromarray(pixels, mode="F").resize((out_width, out_height), kind)
        cases.append(
            {
                "filter": name,
                "from": [width, height],
                "to": [out_width, out_height],
                "pixels": pixels.astype(int).ravel().tolist(),
                "resized": [round(float(v), 4) for v in np.asarray(image).ravel()],
            }
        )
with open(sys.argv[1], "w") as file:
    json.dump({"recorded": f"Pillow {PIL.__version__}, mode F", "cases": cases}, file)
