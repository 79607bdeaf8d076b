"The page of `collabdive explorer`, as built into dist/."
