"""Seeded simulation of radiographs and CT with exact truth, in patient millimetres.

Axes everywhere: x to the patient's left, y to the back, z to the head (DICOM patient coordinates). A scene of the
body and its deposits are signed-distance fields on lattices; a radiograph is their path integral along the rays of a
point source, a CT their average over voxels. Nothing here is anatomy of a person.
"""
