"""Images and labels: readers, where the files live, the embedded digits, and how samples are split over devices."""
