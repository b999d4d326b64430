from django.db import models


class Shelf(models.Model):
    name = models.CharField(max_length=50)

    def __str__(self):
        return self.name


class Item(models.Model):
    name = models.CharField(max_length=50)
    shelf = models.ForeignKey(Shelf, on_delete=models.CASCADE)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    since = models.DateField()
    sold_out = models.BooleanField(default=False)

    def __str__(self):
        return self.name
