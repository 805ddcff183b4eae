"""The PACS worker: studies come in by DICOM, results go back by DICOM, and a database owns what happens between."""
