from django.contrib import admin

from stock.models import Item, Shelf


@admin.register(Item)
class ItemAdmin(admin.ModelAdmin):
    list_display = ("name", "shelf", "price", "since", "sold_out")
    list_filter = ("sold_out", "shelf")
    search_fields = ("name",)
    date_hierarchy = "since"
    autocomplete_fields = ("shelf",)


@admin.register(Shelf)
class ShelfAdmin(admin.ModelAdmin):
    search_fields = ("name",)
