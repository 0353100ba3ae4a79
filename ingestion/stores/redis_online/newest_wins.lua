-- Writes one row of one feature view unless the stored row is newer. An equal timestamp wins.
-- KEYS[1]  the entity's hash
-- ARGV[1]  Unix seconds of the row, or '' to write whatever is stored
-- ARGV[2]  nanoseconds behind the second
-- ARGV[3]  seconds until the whole entity expires, or '' for never
-- ARGV[4]  the view's timestamp field, ARGV[5] its value (a google.protobuf.Timestamp)
-- ARGV[6]  and on: feature field, value, feature field, value ...
-- Returns 1 when the row was written, 0 when it was refused.

-- An int64 of up to nine bytes is positive; ten bytes are a negative one, read through its complement,
-- since Lua's numbers hold 53 bits.
local function varint(bytes, at)
  local groups, count = {}, 0
  repeat
    local byte = bytes:byte(at)
    at = at + 1
    count = count + 1
    groups[count] = byte % 128
  until byte < 128
  local value = 0
  if count == 10 then
    for i = 9, 1, -1 do value = value * 128 + 127 - groups[i] end
    return -value - 1, at
  end
  for i = count, 1, -1 do value = value * 128 + groups[i] end
  return value, at
end

local function timestamp(bytes)
  local parts, at = {[8] = 0, [16] = 0}, 1
  while at <= #bytes do
    local tag = bytes:byte(at)
    parts[tag], at = varint(bytes, at + 1)
  end
  return parts[8], parts[16]
end

if ARGV[1] ~= '' then
  local stored = redis.call('HGET', KEYS[1], ARGV[4])
  if stored and stored ~= ARGV[5] then
    local seconds, nanos = timestamp(stored)
    local new = tonumber(ARGV[1])
    if seconds > new or (seconds == new and nanos > tonumber(ARGV[2])) then return 0 end
  end
end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
if ARGV[3] ~= '' then redis.call('EXPIRE', KEYS[1], ARGV[3]) end
return 1
