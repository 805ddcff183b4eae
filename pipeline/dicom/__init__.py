"""DICOM in: files to studies and series, headers and pixels to values of the model."""
