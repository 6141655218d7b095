API=http://127.0.0.1:9000
field() { sed -E "s/.*\"$1\": ?\"([^\"]*)\".*/\1/"; }
log_in() { curl -s $API/api/v1/auth/login -H 'Content-Type: application/json' -H "X-Device-Name: $1" -d '{"email": "demo@example.com", "password": "correct horse battery staple"}'; }

PHONE=$(log_in 'My phone'); TABLET=$(log_in 'My tablet'); LAPTOP=$(log_in 'My laptop')
ACCESS=$(echo "$PHONE" | field access_token)
REFRESH=$(echo "$PHONE" | field refresh_token)

curl -s $API/api/v1/sessions/me -H "Authorization: Bearer $ACCESS"; echo

curl -s $API/api/v1/auth/refresh -H 'Content-Type: application/json' -d "{\"refresh_token\": \"$REFRESH\"}"; echo

curl -s -X DELETE $API/api/v1/sessions/$(echo "$TABLET" | field session_id) -H "Authorization: Bearer $ACCESS"; echo
curl -s $API/api/v1/sessions/me -H "Authorization: Bearer $(echo "$TABLET" | field access_token)"; echo

curl -s -X POST $API/api/v1/auth/logout -H "Authorization: Bearer $ACCESS"; echo
