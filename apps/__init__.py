"""The pages a person opens in a browser: widgets, and one pipeline call each."""
