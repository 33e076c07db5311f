package exchangetest

func (c *call) matches(restriction *node, v view) (bool, error) { return true, nil }

func sortViews(views []view, order *node) error { return nil }
