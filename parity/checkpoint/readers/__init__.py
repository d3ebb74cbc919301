"""One file per format. A reader turns a file into nodes; it maps tensors and never copies them."""
