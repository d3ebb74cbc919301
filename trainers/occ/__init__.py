"""The occ family: descriptions of occupations are given codes by a decoder and a linear head over one encoder."""
