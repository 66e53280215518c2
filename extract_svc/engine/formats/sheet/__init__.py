"""What the spreadsheet formats share: how numbers are shown, and where a sheet's tables lie."""
