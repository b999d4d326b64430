from django.contrib import admin
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path


def front(request):
    return HttpResponse("depot")


def price(request):
    return render(request, "price.html", {"number": 1234567})


urlpatterns = [path("", front), path("price/", price), path("admin/", admin.site.urls)]
