"""The page at `/`: where the money goes, as HTML made here, for the administrator's browser."""
