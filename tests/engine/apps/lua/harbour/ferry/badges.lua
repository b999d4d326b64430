return { captain = "anchor" }
