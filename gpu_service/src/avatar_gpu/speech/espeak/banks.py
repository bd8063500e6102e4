"""Text that the base voice reads to itself: for its pitch, and to compare recordings with."""

from __future__ import annotations

CALIBRATION = {
    "en": "We were away a year ago. The early bird should choose a good measure of yellow paper. "
    "She had your dark suit in greasy wash water all year.",
    "zh": "今天天气很好，我们去公园散步吧。学生们在图书馆里安静地看书，老师准备明天的课程。",
    "es": "El veloz murciélago comía feliz cardillo y kiwi. La cigüeña tocaba el saxofón detrás del "
    "palenque de paja.",
}
"""A few seconds in each first-class language."""

BANK_TEXTS = {
    "en": (
        (
            "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. "
            "It is easy to tell the depth of a well. These days a chicken leg is a rare dish."
        ),
        (
            "The juice of lemons makes fine punch. The box was thrown beside the parked truck. "
            "The boy was there when the sun rose. A rod is used to catch pink salmon."
        ),
        (
            "Kick the ball straight and follow through. Help the woman get back to her feet. "
            "A pot of tea helps to pass the evening. Smoky fires lack flame and heat. "
            "The soft cushion broke the man's fall. The joy of a treasure is a rare vision."
        ),
    ),
    "zh": (
        "今天天气很好，我们去公园散步吧。人工智能正在改变我们的生活方式。北京是中国的首都，有三千多年的历史。",
        "请打开窗户，让新鲜的空气进来。他昨天买了一本关于历史的书，非常有意思。",
        "学生们在图书馆里安静地看书，老师在办公室准备明天的课程。女儿喜欢绿色的雨伞和热的茶。",
    ),
    "es": (
        (
            "El veloz murciélago comía feliz cardillo y kiwi. La cigüeña tocaba el saxofón detrás del "
            "palenque de paja."
        ),
        (
            "Mañana vamos a viajar a la playa con nuestros amigos. El niño juega en el jardín mientras "
            "llueve en la ciudad."
        ),
        "Quiero aprender a cocinar un plato de arroz con pollo y verduras frescas del mercado.",
    ),
}
"""Phonetically rich sentences, about twenty seconds a language. The English are Harvard sentences."""
