"""The detectors, one module for each family of sensitive data; each exports `DETECTORS`.

Here lives what a thing looks like. How text is read and searched is in the rooms above.
"""
