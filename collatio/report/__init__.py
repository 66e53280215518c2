"""Reports: what an output folder holds, told as one HTML page, as CSV, as JSON.

Pure code: the same folder gives the same bytes; no clock, no network, no mesh. `folder.read_folder` reads an
account of the job, `page.make_page`, `csv_files` and `json_file` tell it; whoever calls them writes the files.
"""
