from django.contrib import admin
from django.http import HttpResponse
from django.urls import path

urlpatterns = [
    path("", lambda request: HttpResponse("<h1>Stock</h1><a href=/admin/>staff</a>")),
    path("admin/", admin.site.urls),
]
