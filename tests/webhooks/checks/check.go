// Reads calls, one a line, and says what package webhooks thinks of each.
package main

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"strings"

	"receiver/webhooks"
)

var names = []string{"webhook-id", "webhook-timestamp", "webhook-signature", "finternet-signature"}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		fields := strings.Split(lines.Text(), "\t")
		header := http.Header{}
		for index, name := range names {
			if field := fields[index+2]; field != "-" {
				header.Set(name, string(decode(field)))
			}
		}
		secret, body := string(decode(fields[0])), decode(fields[1])
		fmt.Println(webhooks.Verify(secret, header, body), webhooks.VerifyFinternet(secret, header, body))
	}
}

func decode(field string) []byte {
	bytes, err := base64.StdEncoding.DecodeString(field)
	if err != nil {
		panic(err)
	}
	return bytes
}
