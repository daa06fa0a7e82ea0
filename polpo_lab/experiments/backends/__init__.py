"""Where trials are lived: in this process (`local`), or on other machines (`dask`)."""
