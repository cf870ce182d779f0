"""The CaFFe benchmark (Gourmelon et al. 2022): downloaded, checked, cut into patches."""
