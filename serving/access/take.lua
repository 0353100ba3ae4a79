-- One request of a bucket (see buckets.py): {allowed, microseconds until the bucket is full}.
-- KEYS[1] the bucket; ARGV[1] microseconds between two requests; ARGV[2] depth in microseconds.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full_at = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local next_full_at = full_at + ARGV[1]
if next_full_at - now > tonumber(ARGV[2]) then
  return {0, full_at - now}
end
redis.call('SET', KEYS[1], string.format('%.0f', next_full_at), 'PX', math.ceil((next_full_at - now) / 1000))
return {1, next_full_at - now}
