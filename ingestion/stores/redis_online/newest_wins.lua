-- Writes one row of one feature view unless the stored row is newer. An equal timestamp wins.
-- KEYS[1]  the entity's hash
-- ARGV[1]  Unix seconds of the row, or '' to write whatever is stored
-- ARGV[2]  nanoseconds behind the second
-- ARGV[3]  seconds until the whole entity expires, or '' for never
-- ARGV[4]  the view's timestamp field, ARGV[5] its value (a google.protobuf.Timestamp)
-- ARGV[6]  and on: feature field, value, feature field, value ...
-- Returns 1 when the row was written, 0 when it was refused.

-- Nine bytes hold a positive int64; a tenth one means a negative number, read through its complement, since Lua's
-- numbers hold 53 bits.
local function varint(bytes, at)
  local value, complement, scale = 0, 0, 1
  for i = at, at + 8 do
    local byte = bytes:byte(i)
    if byte < 128 then return value + byte * scale, i + 1 end
    value = value + (byte - 128) * scale
    complement = complement + (255 - byte) * scale
    scale = scale * 128
  end
  return -complement - 1, at + 10
end

local function timestamp(bytes)
  local seconds, nanos, at, value = 0, 0, 1, 0
  while at <= #bytes do
    local tag = bytes:byte(at)
    value, at = varint(bytes, at + 1)
    if tag == 8 then seconds = value else nanos = value end
  end
  return seconds, nanos
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
