"""The written report: chosen runs as one document, HTML or Markdown. Free of torch and Qt."""
