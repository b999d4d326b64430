return { welcome = "Welcome aboard" }
