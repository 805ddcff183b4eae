"""DICOM objects that a PACS stores."""
