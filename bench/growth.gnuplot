# Three pictures, one below the other, of what growth.py measured: growth.gnuplot NAME FOLDER PNG.
# A line of a file: servers or fan-out, ms of CPU, ms of wall, KiB, each per server.
name = ARG1
folder = ARG2
set terminal pngcairo size 900, 1000 font "sans,11" linewidth 1.5
set output ARG3
set logscale xy
set format x "%.0s%c"
set grid xtics ytics lt 1 lc rgb "#c8c8c8" lw 0.7
set key top right
set lmargin 12
set rmargin 4
set style line 1 lc rgb "#0060ad" pt 7
set style line 2 lc rgb "#c04000" pt 5
x = name eq "servers" ? "servers of the run" : "fan-out: servers at once"
memory = name eq "servers" ? "peak memory\nKiB per server" : "peak memory\nKiB per server at once"
simulated = folder."/simulated"
logged_in = folder."/logged-in"
set multiplot layout 3, 1
do for [column = 2:4] {
    set ylabel column == 2 ? "CPU of muster\nms per server" : column == 3 ? "wall\nms per server" : memory
    set xlabel column == 4 ? x : ""
    if (name eq "servers") {
        plot logged_in using 1:column with linespoints ls 1 title "logged in to, fan-out 256", \
             simulated using 1:column with linespoints ls 2 title "simulated, fan-out 32"
    } else {
        plot logged_in using 1:column with linespoints ls 1 title "logged in to"
    }
}
unset multiplot
