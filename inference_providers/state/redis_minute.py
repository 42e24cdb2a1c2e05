"""A minute in a Redis, that requests and tokens are taken out of: its scripts, by Redis's own clock."""

from __future__ import annotations

from inference_providers.state.redis_script import SPACE, Script

MINUTES = f"{SPACE}:minute:"

# A minute: R and T are its requests and tokens, r<n> and t<n> those of one tenth of a second, `first` the oldest of
# these. A request of the tenth n counts until 601 tenths later: a minute at least, and at most a tenth more. Whoever
# finds it full, or has filled it, is told in how many tenths there is room for another like it.
MINUTE_HEAD = """
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 10 + math.floor(tonumber(clock[2]) / 100000)
local key, oldest = KEYS[1], now - 600
local first = tonumber(redis.call('HGET', key, 'first'))
if first and (first > now + 10 or first < oldest - 1200) then
  redis.call('DEL', key)
  first = nil
end
while first and first < oldest do
  local gone = redis.call('HMGET', key, 'r' .. first, 't' .. first)
  if gone[1] then
    redis.call('HINCRBY', key, 'R', -tonumber(gone[1]))
    redis.call('HINCRBYFLOAT', key, 'T', -tonumber(gone[2] or 0))
    redis.call('HDEL', key, 'r' .. first, 't' .. first)
  end
  first = first + 1
  redis.call('HSET', key, 'first', first)
end
local sums = redis.call('HMGET', key, 'R', 'T')
local requests, tokens = tonumber(sums[1] or 0), tonumber(sums[2] or 0)
if requests <= 0 then tokens = 0 end
local function add(wanted)
  redis.call('HINCRBY', key, 'R', 1)
  redis.call('HINCRBY', key, 'r' .. now, 1)
  redis.call('HINCRBYFLOAT', key, 'T', wanted)
  redis.call('HINCRBYFLOAT', key, 't' .. now, wanted)
  if not first then redis.call('HSET', key, 'first', now) end
  redis.call('EXPIRE', key, 62)
end
"""
TAKE = Script(
    MINUTE_HEAD
    + """
local most, most_tokens, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local is_full, is_heavy
local function look()
  is_full = most >= 0 and requests + 1 > most
  is_heavy = most_tokens >= 0 and requests > 0 and tokens + wanted > most_tokens
  return not is_full and not is_heavy
end
local took = 0
if look() then
  add(wanted)
  took, requests, tokens = 1, requests + 1, tokens + wanted
  if look() then return {1, now, requests, tostring(tokens), 0, ''} end
end
local count, used = requests, tostring(tokens)
local by_requests, by_tokens = 0, 0
local left, room = requests, math.max(most_tokens - math.min(wanted, most_tokens), 0)
for tenth = first or now, now do
  local own = redis.call('HMGET', key, 'r' .. tenth, 't' .. tenth)
  if own[1] then
    left, tokens = left - tonumber(own[1]), tokens - tonumber(own[2] or 0)
    if is_full and by_requests == 0 and left + 1 <= most then by_requests = tenth + 601 - now end
    if is_heavy and by_tokens == 0 and (tokens <= room + 1e-9 or left <= 0) then by_tokens = tenth + 601 - now end
    if not (is_full and by_requests == 0) and not (is_heavy and by_tokens == 0) then break end
  end
end
if is_full and by_requests == 0 then by_requests = 601 end
if is_heavy and by_tokens == 0 then by_tokens = 601 end
local wait, which = by_tokens, 'tokens'
if is_full and by_requests >= by_tokens then wait, which = by_requests, 'requests' end
return {took, now, count, used, wait, which}
"""
)
ROOM = Script(MINUTE_HEAD + "return {requests, tostring(tokens)}")
# A request of a tenth took more tokens, or fewer; it was not sent where the third argument is 1.
MINUTE_CORRECTED = """
if redis.call('HEXISTS', KEYS[1], 'r' .. ARGV[1]) == 1 then
  redis.call('HINCRBYFLOAT', KEYS[1], 't' .. ARGV[1], ARGV[2])
  redis.call('HINCRBYFLOAT', KEYS[1], 'T', ARGV[2])
  if ARGV[3] == '1' then
    redis.call('HINCRBY', KEYS[1], 'R', -1)
    redis.call('HINCRBY', KEYS[1], 'r' .. ARGV[1], -1)
  end
end
"""
CORRECT = Script(MINUTE_CORRECTED + "return 1", once=True)
