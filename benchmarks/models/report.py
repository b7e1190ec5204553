def write_report(work, size): pass
