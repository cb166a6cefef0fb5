/* libsrtp2 behind lines of text: a peer for the tests of roger-srtp.
 *
 *   session gcm|cm in|out enc|auth SSRC|any (KEYSALT:MKI)+    a new session; enc or auth says what SRTCP gets
 *   roc SSRC ROC                                              sets the rollover counter of a stream
 *   protect|unprotect|protect_rtcp|unprotect_rtcp HEX [KEY]   KEY: number of the master key, from 0
 *
 * Octets are hex, "-" is the empty string. The answer is "ok HEX" or "err STATUS".
 */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_KEYS 8
#define MAX_OCTETS 4096

static srtp_t session;
static size_t mki_octets;

static int unhex(const char *text, unsigned char *out) {
    if (strcmp(text, "-") == 0) return 0;
    size_t length = strlen(text) / 2;
    if (length > MAX_OCTETS) return -1;
    for (size_t i = 0; i < length; i++) {
        unsigned value;
        if (sscanf(text + 2 * i, "%2x", &value) != 1) return -1;
        out[i] = (unsigned char)value;
    }
    return (int)length;
}

static void answer_octets(const unsigned char *octets, int length) {
    fputs("ok ", stdout);
    for (int i = 0; i < length; i++) printf("%02x", octets[i]);
    putchar('\n');
}

static void answer(srtp_err_status_t status) {
    if (status == srtp_err_status_ok) puts("ok ");
    else printf("err %d\n", (int)status);
}

static void open_session(void) {
    static unsigned char octets[MAX_KEYS][64], mkis[MAX_KEYS][MAX_OCTETS];
    static srtp_master_key_t keys[MAX_KEYS];
    static srtp_master_key_t *list[MAX_KEYS];
    srtp_policy_t policy;
    memset(&policy, 0, sizeof policy);
    char *suite = strtok(NULL, " "), *direction = strtok(NULL, " ");
    char *rtcp = strtok(NULL, " "), *ssrc = strtok(NULL, " ");
    if (strcmp(suite, "gcm") == 0) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    } else {
        srtp_crypto_policy_set_rtp_default(&policy.rtp);
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
    }
    if (strcmp(rtcp, "auth") == 0) policy.rtcp.sec_serv = sec_serv_auth;
    if (strcmp(ssrc, "any") != 0) {
        policy.ssrc.type = ssrc_specific;
        policy.ssrc.value = (unsigned)strtoul(ssrc, NULL, 16);
    } else {
        policy.ssrc.type = strcmp(direction, "in") == 0 ? ssrc_any_inbound : ssrc_any_outbound;
    }
    int count = 0;
    for (char *pair; count < MAX_KEYS && (pair = strtok(NULL, " ")) != NULL; count++) {
        char *colon = strchr(pair, ':');
        *colon = 0;
        unhex(pair, octets[count]);
        int length = unhex(colon + 1, mkis[count]);
        mki_octets = (size_t)length;
        keys[count].key = octets[count];
        keys[count].mki_id = mkis[count];
        keys[count].mki_size = (unsigned)length;
        list[count] = &keys[count];
    }
    if (mki_octets == 0) {
        policy.key = octets[0];
    } else {
        policy.keys = list;
        policy.num_master_keys = (unsigned long)count;
    }
    policy.window_size = 128;
    if (session) srtp_dealloc(session);
    session = NULL;
    answer(srtp_create(&session, &policy));
}

static void run_packet(const char *verb) {
    static unsigned char packet[MAX_OCTETS + SRTP_MAX_TRAILER_LEN + 64];
    int length = unhex(strtok(NULL, " "), packet);
    char *key = strtok(NULL, " ");
    unsigned index = key ? (unsigned)atoi(key) : 0;
    int use = mki_octets > 0;
    srtp_err_status_t status;
    if (strcmp(verb, "protect") == 0) status = srtp_protect_mki(session, packet, &length, use, index);
    else if (strcmp(verb, "unprotect") == 0) status = srtp_unprotect_mki(session, packet, &length, use);
    else if (strcmp(verb, "protect_rtcp") == 0) status = srtp_protect_rtcp_mki(session, packet, &length, use, index);
    else status = srtp_unprotect_rtcp_mki(session, packet, &length, use);
    if (status != srtp_err_status_ok) answer(status);
    else answer_octets(packet, length);
}

int main(void) {
    static char line[3 * MAX_OCTETS];
    if (srtp_init() != srtp_err_status_ok) return 1;
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = 0;
        char *verb = strtok(line, " ");
        if (verb == NULL) continue;
        if (strcmp(verb, "session") == 0) {
            open_session();
        } else if (strcmp(verb, "roc") == 0) {
            unsigned ssrc = (unsigned)strtoul(strtok(NULL, " "), NULL, 16);
            unsigned roc = (unsigned)strtoul(strtok(NULL, " "), NULL, 10);
            answer(srtp_set_stream_roc(session, ssrc, roc));
        } else {
            run_packet(verb);
        }
        fflush(stdout);
    }
    return 0;
}
