// Answers each line of standard input with one of standard output, by libcap's own functions:
//   text E P I    the text of three masks
//   iab I A B     the IAB text of three masks, B the bounding set
//   parse TEXT    the masks of a text, as E P I, or EINVAL
//   iparse TEXT   the IAB text of an IAB text, or EINVAL

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>

static void text(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	const uint64_t masks[3] = { effective, permitted, inheritable };
	const cap_flag_t flags[3] = { CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE };
	cap_t caps = cap_init();
	for (int set = 0; set < 3; set++)
		for (cap_value_t bit = 0; bit < 64; bit++)
			if (masks[set] >> bit & 1 && cap_set_flag(caps, flags[set], 1, &bit, CAP_SET) != 0)
				perror("cap_set_flag"), exit(1);
	char *said = cap_to_text(caps, NULL);
	puts(said ? said : strerror(errno));
	cap_free(said);
	cap_free(caps);
}

static void iab(uint64_t inheritable, uint64_t ambient, uint64_t bounding)
{
	cap_iab_t sets = cap_iab_init();
	for (cap_value_t bit = 0; bit < cap_max_bits(); bit++) {
		cap_iab_set_vector(sets, CAP_IAB_INH, bit, inheritable >> bit & 1);
		if (ambient >> bit & 1)
			cap_iab_set_vector(sets, CAP_IAB_AMB, bit, CAP_SET);
		cap_iab_set_vector(sets, CAP_IAB_BOUND, bit, !(bounding >> bit & 1));
	}
	char *said = cap_iab_to_text(sets);
	puts(said);
	cap_free(said);
	cap_free(sets);
}

static void parse(const char *words)
{
	const cap_flag_t flags[3] = { CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE };
	uint64_t masks[3] = { 0, 0, 0 };
	cap_t caps = cap_from_text(words);
	if (caps == NULL) {
		puts("EINVAL");
		return;
	}
	for (int set = 0; set < 3; set++)
		for (int bit = 0; bit < 64; bit++) {
			cap_flag_value_t value = CAP_CLEAR;
			cap_get_flag(caps, bit, flags[set], &value);
			masks[set] |= (uint64_t)value << bit;
		}
	printf("%" PRIx64 " %" PRIx64 " %" PRIx64 "\n", masks[0], masks[1], masks[2]);
	cap_free(caps);
}

static void parse_iab(const char *words)
{
	cap_iab_t sets = cap_iab_from_text(words);
	char *said = sets == NULL ? NULL : cap_iab_to_text(sets);
	puts(said == NULL ? "EINVAL" : said);
	cap_free(said);
	cap_free(sets);
}

int main(void)
{
	static char line[65536];
	while (fgets(line, sizeof line, stdin) != NULL) {
		uint64_t a, b, c;
		line[strcspn(line, "\n")] = '\0';
		if (sscanf(line, "text %" SCNx64 " %" SCNx64 " %" SCNx64, &a, &b, &c) == 3)
			text(a, b, c);
		else if (sscanf(line, "iab %" SCNx64 " %" SCNx64 " %" SCNx64, &a, &b, &c) == 3)
			iab(a, b, c);
		else if (strncmp(line, "parse ", 6) == 0)
			parse(line + 6);
		else if (strncmp(line, "iparse ", 7) == 0)
			parse_iab(line + 7);
		else
			return 2;
	}
	return 0;
}
