// Weather serves a page and some JSON about tides and stations. It needs its pages and the time zones at run time.
package main

import (
	"encoding/json"
	"flag"
	"html/template"
	"log"
	"net/http"
	"time"
)

type station struct {
	Name     string  `json:"name"`
	Zone     string  `json:"zone"`
	Pressure float64 `json:"pressure"`
}

var stations = []station{
	{"Lisbon", "Europe/Lisbon", 1016.2},
	{"Auckland", "Pacific/Auckland", 1009.8},
	{"Lima", "America/Lima", 1012.4},
}

// noon is a fixed moment, so that the same question always has the same answer.
var noon = time.Date(2024, 6, 21, 12, 0, 0, 0, time.UTC)

func main() {
	listen := flag.String("listen", ":8080", "address to listen on")
	pages := flag.String("pages", "/pages", "folder of the page templates")
	flag.Parse()

	http.HandleFunc("/", index(*pages))
	http.HandleFunc("/api/stations", func(w http.ResponseWriter, r *http.Request) { answer(w, stations) })
	http.HandleFunc("/api/noon", noonIn)
	http.Handle("/static/", http.StripPrefix("/static/", http.FileServer(http.Dir(*pages+"/static"))))

	log.Printf("listening on %s", *listen)
	log.Fatal(http.ListenAndServe(*listen, nil))
}

// index reads its template for every request: pages can be edited while the server runs.
func index(folder string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			http.NotFound(w, r)
			return
		}
		page, err := template.ParseFiles(folder + "/index.html")
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		if err := page.Execute(w, stations); err != nil {
			log.Print(err)
		}
	}
}

// noonIn answers what the clocks in ?zone=… show at noon UTC.
func noonIn(w http.ResponseWriter, r *http.Request) {
	zone, err := time.LoadLocation(r.URL.Query().Get("zone"))
	if err != nil {
		http.Error(w, "no such time zone", http.StatusBadRequest)
		return
	}
	answer(w, map[string]string{"zone": zone.String(), "time": noon.In(zone).Format("15:04 MST")})
}

func answer(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(value); err != nil {
		log.Print(err)
	}
}
