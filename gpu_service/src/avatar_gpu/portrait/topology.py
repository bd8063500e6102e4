"""Which landmark is what: contours of MediaPipe Face Mesh's 468 points plus two irises of five.

Numbers are those of the published canonical face model (google-ai-edge/mediapipe, Apache-2.0). ``RIGHT``
and ``LEFT`` are the subject's; the subject's right is at the image's left. Every lip ring and lid runs from
the image's left to its right, so ring points of upper and lower lip pair up by position.
"""

from __future__ import annotations

LANDMARKS = 478
MESH_LANDMARKS = 468

UPPER_LIP_OUTER = (61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291)
LOWER_LIP_OUTER = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291)
UPPER_LIP_MIDDLE = (76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306)
LOWER_LIP_MIDDLE = (76, 77, 90, 180, 85, 16, 315, 404, 320, 307, 306)
UPPER_LIP_NEAR = (62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292)
LOWER_LIP_NEAR = (62, 96, 89, 179, 86, 15, 316, 403, 319, 325, 292)
UPPER_LIP_INNER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
LOWER_LIP_INNER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)

UPPER_LIP_RINGS = (UPPER_LIP_INNER, UPPER_LIP_NEAR, UPPER_LIP_MIDDLE, UPPER_LIP_OUTER)
LOWER_LIP_RINGS = (LOWER_LIP_INNER, LOWER_LIP_NEAR, LOWER_LIP_MIDDLE, LOWER_LIP_OUTER)

RIGHT_UPPER_LID = (33, 246, 161, 160, 159, 158, 157, 173, 133)
RIGHT_LOWER_LID = (33, 7, 163, 144, 145, 153, 154, 155, 133)
LEFT_UPPER_LID = (362, 398, 384, 385, 386, 387, 388, 466, 263)
LEFT_LOWER_LID = (362, 382, 381, 380, 374, 373, 390, 249, 263)
RIGHT_IRIS = 468
LEFT_IRIS = 473
"""Centre; the next four points lie on the rim."""

RIGHT_OUTER_CORNER, RIGHT_INNER_CORNER = 33, 133
LEFT_INNER_CORNER, LEFT_OUTER_CORNER = 362, 263

RIGHT_BROW = (70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
LEFT_BROW = (300, 293, 334, 296, 336, 276, 283, 282, 295, 285)

FOREHEAD_TOP, CHIN, NOSE_TIP = 10, 152, 1
MOUTH_RIGHT, MOUTH_LEFT = 61, 291
RIGHT_EAR, LEFT_EAR = 234, 454

FACE_OVAL = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip

IRIS_NET_EYE_CONTOUR = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
"""The first sixteen of the iris network's 71 contour points lie on the lids, in this order of landmarks:"""
RIGHT_LID_OF_IRIS_NET = (33, 7, 163, 144, 145, 153, 154, 155, 133, 246, 161, 160, 159, 158, 157, 173)
LEFT_LID_OF_IRIS_NET = (263, 249, 390, 373, 374, 380, 381, 382, 362, 466, 388, 387, 386, 385, 384, 398)
