"""A page to read predictions on: one HTML file that needs nothing else, assembled from ``page.html``, ``style.css`` and
``script/``."""
