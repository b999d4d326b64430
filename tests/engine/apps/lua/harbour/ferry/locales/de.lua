return { welcome = "Willkommen an Bord" }
