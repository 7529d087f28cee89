/*
 * readlinks KIND...: the floor of a listing: reads the links of these kinds of every process in /proc, and keeps nothing.
 * Prints how many there were.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    DIR *proc = opendir("/proc");
    struct dirent *entry;
    char path[320];
    char text[64];
    unsigned long links = 0;

    if (proc == NULL) {
        perror("/proc");
        return 1;
    }
    while ((entry = readdir(proc)) != NULL) {
        if (!isdigit((unsigned char)entry->d_name[0]))
            continue;
        for (int kind = 1; kind < argc; kind++) {
            snprintf(path, sizeof path, "/proc/%s/ns/%s", entry->d_name, argv[kind]);
            links += readlink(path, text, sizeof text) > 0;
        }
    }
    closedir(proc);
    printf("%lu\n", links);
    return 0;
}
