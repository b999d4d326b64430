// A ferry's site: one static program and the files that it reads when a page asks for them.
package main

import (
	"crypto/x509"
	"fmt"
	"html/template"
	"mime"
	"net"
	"net/http"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"time"
)

var departure = time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)

// page renders a template below pages/ with the layout that all of them share.
func page(w http.ResponseWriter, name string, status int) {
	parsed, err := template.ParseFiles("pages/layout.html", filepath.Join("pages", name+".html"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = parsed.Execute(w, departure)
}

func text(get func(argument string) (string, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, argument, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		answer, err := get(argument)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprintln(w, answer)
	}
}

func zone(name string) (string, error) {
	place, err := time.LoadLocation(name)
	if err != nil {
		return "", err
	}
	return departure.In(place).Format("15:04 MST"), nil
}

func authorities(string) (string, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		return "", err
	}
	return fmt.Sprint(len(pool.Subjects()) > 50), nil
}

func host(name string) (string, error) {
	addresses, err := net.LookupIP(name)
	if err != nil {
		return "", err
	}
	for _, address := range addresses {
		if address.To4() != nil {
			return address.String(), nil
		}
	}
	return "none", nil
}

func home(name string) (string, error) {
	found, err := user.Lookup(name)
	if err != nil {
		return "", err
	}
	return found.HomeDir, nil
}

func words(string) (string, error) {
	output, err := exec.Command("sort", "--version").Output()
	return strings.SplitN(string(output), "\n", 2)[0], err
}

func main() {
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/":
			page(w, "front", http.StatusOK)
		case "/prices", "/islands":
			page(w, strings.TrimPrefix(r.URL.Path, "/"), http.StatusOK)
		default:
			page(w, "missing", http.StatusNotFound)
		}
	})
	http.Handle("/static/", http.StripPrefix("/static/", http.FileServer(http.Dir("static"))))
	http.HandleFunc("/time/", text(zone))
	http.HandleFunc("/tls", text(authorities))
	http.HandleFunc("/host/", text(host))
	http.HandleFunc("/home/", text(home))
	http.HandleFunc("/words", text(words))
	http.HandleFunc("/kind/", text(func(ending string) (string, error) { return mime.TypeByExtension("." + ending), nil }))
	if err := http.ListenAndServe(":8080", nil); err != nil {
		panic(err)
	}
}
