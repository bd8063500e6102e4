"""The embedded renderer: a cut landmark mesh of the photo, bent by blendshapes, turned by the head."""
