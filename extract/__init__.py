"""Read DICOM headers and write raw rows; knows DICOM and nothing of OMOP."""
