-- Makes wrk request many small files at random: wrk -s many.lua URL FOLDER FILES SKEW
-- With a skew of 1 each file is equally likely; with 4, a tenth of the files gets more than half of the requests.

dofile(debug.getinfo(1, "S").source:match("@(.*)many.lua") .. "report.lua")

local requests = {}
local files, skew

function init(args)
  files, skew = tonumber(args[2]), tonumber(args[3])
  for i = 0, files - 1 do
    requests[i] = wrk.format("GET", string.format("/%s/%02d/%04d.txt", args[1], i / 100, i))
  end
end

function request()
  return requests[math.floor(math.random() ^ skew * files)]
end
