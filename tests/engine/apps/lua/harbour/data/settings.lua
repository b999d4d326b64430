return { harbour = "Hamburg" }
