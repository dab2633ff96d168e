"""How each kind of data is learnt: settings that were measured together, one file a kind."""
