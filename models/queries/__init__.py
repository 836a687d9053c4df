"""Reading tickets and the log: filters, lists, timelines, statistics and live lists."""
