/* ECCSI and SAKKE of wolfSSL behind lines of text, timed by itself: what `roger bench ibc --peer` compares with.
 * Compiled on the spot against the system's library and run as a process of its own; never part of the product.
 *
 * One request a line, words divided by spaces, octets in hexadecimal; one answer a line:
 *   version                 -> VERSION       of the library
 *   kms KSAK KPAK ZT Z      -> ok            the KMS of everything that follows (32, 65, 128 and 257 octets)
 *   inputs                  -> ok            forgets the inputs
 *   input WORD...           -> ok            adds one input of the operations that follow
 *   run OPERATION COUNT     -> NANOSECONDS SUCCESSES INDEX RESULT...
 * `run` goes through the inputs in turn, from where the last run ended, and says the CPU time of the operations, how
 * many succeeded, which input was the last and its result. Operations, their inputs and results:
 *   encapsulate  ID SSV         SED          to a new recipient each time
 *   decapsulate  ID RSK SED     SSV | -      one receiver for all inputs, set up beforehand
 *   rsk          ID             RSK
 *   rsk_validate ID RSK         -
 *   pair         ID             SSK PVT
 *   pair_check   ID SSK PVT     -
 *   sign         ID SSK PVT M   SIG          one signer for all inputs, set up beforehand
 *   verify       ID SIG M       -
 * Anything that fails for another reason than the input's refusal ends the program with a message.
 */
#include <wolfssl/options.h>
#include <wolfssl/version.h>
#include <wolfssl/wolfcrypt/eccsi.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/sakke.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MAX_WORDS 5
#define MAX_OCTETS 512
#define MAX_INPUTS 256
#define POINT 65
#define SAKKE_POINT 257
#define SHA256 WC_HASH_TYPE_SHA256

struct input {
    int count;
    word32 length[MAX_WORDS];
    byte octets[MAX_WORDS][MAX_OCTETS];
};

static WC_RNG rng;
static EccsiKey eccsi;
/* One SAKKE key for each role: 5.5.4 leaves a key in another state after the client's operations, so that an RSK
 * issued with it afterwards is wrong. */
static SakkeKey issuer, sender, receiver, checker;
static struct input inputs[MAX_INPUTS];
static int input_count, next_input;
static char request[MAX_WORDS * (2 * MAX_OCTETS + 2)];
static char *words[MAX_WORDS + 1];
static int word_count;

/* The objects that an operation works with and the result of the last one. */
static ecc_point *point;
static mp_int ssk;
static byte result[2][MAX_OCTETS];
static word32 result_length[2];

static void must(int code, const char *what)
{
    if (code == 0)
        return;
    fprintf(stderr, "%s: %d %s\n", what, code, wc_GetErrorString(code));
    exit(1);
}

static void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    fail("not a hexadecimal digit");
    return 0;
}

static void split(void)
{
    word_count = 0;
    for (char *word = strtok(request, " \n"); word; word = strtok(NULL, " \n")) {
        if (word_count > MAX_WORDS)
            fail("too many words");
        words[word_count++] = word;
    }
}

/* Words 1 and following as octets. */
static void read_octets(struct input *to)
{
    to->count = word_count - 1;
    for (int i = 0; i < to->count; i++) {
        const char *word = words[i + 1];
        to->length[i] = (word32)(strlen(word) / 2);
        if (to->length[i] > MAX_OCTETS)
            fail("word too long");
        for (word32 j = 0; j < to->length[i]; j++)
            to->octets[i][j] = (byte)(nibble(word[2 * j]) << 4 | nibble(word[2 * j + 1]));
    }
}

static void need(const struct input *in, int i, word32 wanted)
{
    if (i >= in->count || in->length[i] != wanted)
        fail("an input has another form");
}

static void sakke_key(SakkeKey *key, const byte *kms)
{
    wc_FreeSakkeKey(key);
    must(wc_InitSakkeKey(key, NULL, INVALID_DEVID), "InitSakkeKey");
    must(wc_ImportSakkeKey(key, kms, 128 + SAKKE_POINT - 1), "ImportSakkeKey");
}

static void set_kms(void)
{
    static struct input in;
    byte auth[96], enc[384];
    read_octets(&in);
    need(&in, 0, 32);
    need(&in, 1, POINT);
    need(&in, 2, 128);
    need(&in, 3, SAKKE_POINT);
    memcpy(auth, in.octets[0], 32);
    memcpy(auth + 32, in.octets[1] + 1, POINT - 1);
    memcpy(enc, in.octets[2], 128);
    memcpy(enc + 128, in.octets[3] + 1, SAKKE_POINT - 1);
    wc_FreeEccsiKey(&eccsi);
    must(wc_InitEccsiKey(&eccsi, NULL, INVALID_DEVID), "InitEccsiKey");
    must(wc_ImportEccsiKey(&eccsi, auth, sizeof(auth)), "ImportEccsiKey");
    sakke_key(&issuer, enc);
    sakke_key(&sender, enc);
    sakke_key(&receiver, enc);
    sakke_key(&checker, enc);
    puts("ok");
}

static void set_recipient(SakkeKey *key, const struct input *in)
{
    must(wc_SetSakkeIdentity(key, in->octets[0], (word16)in->length[0]), "SetSakkeIdentity");
    must(wc_MakeSakkePointI(key, in->octets[0], (word16)in->length[0]), "MakeSakkePointI");
}

static int encapsulate(const struct input *in)
{
    word16 size = SAKKE_POINT;
    word32 secret = in->length[1];
    byte ssv[MAX_OCTETS];
    memcpy(ssv, in->octets[1], secret); /* is masked in place */
    set_recipient(&sender, in);
    must(wc_MakeSakkeEncapsulatedSSV(&sender, SHA256, ssv, (word16)secret, result[0], &size),
         "MakeSakkeEncapsulatedSSV");
    memcpy(result[0] + size, ssv, secret);
    result_length[0] = size + secret;
    return 1;
}

static void set_receiver(const struct input *in)
{
    need(in, 1, SAKKE_POINT);
    must(wc_DecodeSakkeRsk(&receiver, in->octets[1] + 1, SAKKE_POINT - 1, point), "DecodeSakkeRsk");
    set_recipient(&receiver, in);
    must(wc_SetSakkeRsk(&receiver, point, NULL, 0), "SetSakkeRsk");
}

static int decapsulate(const struct input *in)
{
    const byte *sed = in->octets[2];
    word32 secret = in->length[2] - SAKKE_POINT;
    int code;
    if (in->length[2] <= SAKKE_POINT)
        fail("too short to be encapsulated data");
    memcpy(result[0], sed + SAKKE_POINT, secret); /* is unmasked in place */
    code = wc_DeriveSakkeSSV(&receiver, SHA256, result[0], (word16)secret, sed, SAKKE_POINT);
    if (code == SAKKE_VERIFY_FAIL_E)
        return 0;
    must(code, "DeriveSakkeSSV");
    result_length[0] = secret;
    return 1;
}

static int rsk(const struct input *in)
{
    result_length[0] = SAKKE_POINT;
    must(wc_MakeSakkeRsk(&issuer, in->octets[0], (word16)in->length[0], point), "MakeSakkeRsk");
    must(wc_EncodeSakkeRsk(&issuer, point, result[0], &result_length[0], 0), "EncodeSakkeRsk");
    return 1;
}

static int rsk_validate(const struct input *in)
{
    int valid = 0;
    need(in, 1, SAKKE_POINT);
    must(wc_DecodeSakkeRsk(&checker, in->octets[1] + 1, SAKKE_POINT - 1, point), "DecodeSakkeRsk");
    must(wc_ValidateSakkeRsk(&checker, in->octets[0], (word16)in->length[0], point, &valid), "ValidateSakkeRsk");
    return valid != 0;
}

static int pair(const struct input *in)
{
    result_length[0] = 32;
    result_length[1] = POINT;
    must(wc_MakeEccsiPair(&eccsi, &rng, SHA256, in->octets[0], in->length[0], &ssk, point), "MakeEccsiPair");
    must(wc_EncodeEccsiSsk(&eccsi, &ssk, result[0], &result_length[0]), "EncodeEccsiSsk");
    must(wc_EncodeEccsiPvt(&eccsi, point, result[1], &result_length[1], 0), "EncodeEccsiPvt");
    return 1;
}

static void read_pair(const struct input *in)
{
    need(in, 1, 32);
    need(in, 2, POINT);
    must(wc_DecodeEccsiSsk(&eccsi, in->octets[1], 32, &ssk), "DecodeEccsiSsk");
    must(wc_DecodeEccsiPvt(&eccsi, in->octets[2] + 1, POINT - 1, point), "DecodeEccsiPvt");
}

static int pair_check(const struct input *in)
{
    int valid = 0;
    read_pair(in);
    must(wc_ValidateEccsiPair(&eccsi, SHA256, in->octets[0], in->length[0], &ssk, point, &valid), "ValidateEccsiPair");
    return valid != 0;
}

static void set_identity(const struct input *in)
{
    byte hash[WC_MAX_DIGEST_SIZE];
    byte size = 0;
    must(wc_HashEccsiId(&eccsi, SHA256, in->octets[0], in->length[0], point, hash, &size), "HashEccsiId");
    must(wc_SetEccsiHash(&eccsi, hash, size), "SetEccsiHash");
}

static void set_signer(const struct input *in)
{
    read_pair(in);
    set_identity(in);
    must(wc_SetEccsiPair(&eccsi, &ssk, point), "SetEccsiPair");
}

static int sign(const struct input *in)
{
    result_length[0] = MAX_OCTETS;
    must(wc_SignEccsiHash(&eccsi, &rng, SHA256, in->octets[3], in->length[3], result[0], &result_length[0]),
         "SignEccsiHash");
    return 1;
}

static int verify(const struct input *in)
{
    int verified = 0;
    must(wc_DecodeEccsiPvtFromSig(&eccsi, in->octets[1], in->length[1], point), "DecodeEccsiPvtFromSig");
    set_identity(in);
    must(wc_VerifyEccsiHash(&eccsi, SHA256, in->octets[2], in->length[2], in->octets[1], in->length[1], &verified),
         "VerifyEccsiHash");
    return verified != 0;
}

static const struct operation {
    const char *name;
    int words;
    void (*set_up)(const struct input *);
    int (*run)(const struct input *);
} operations[] = {
    {"encapsulate", 2, NULL, encapsulate},   {"decapsulate", 3, set_receiver, decapsulate},
    {"rsk", 1, NULL, rsk},                   {"rsk_validate", 2, NULL, rsk_validate},
    {"pair", 1, NULL, pair},                 {"pair_check", 3, NULL, pair_check},
    {"sign", 4, set_signer, sign},           {"verify", 3, NULL, verify},
};

static long long cpu_time(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void print(const byte *octets, word32 count)
{
    if (count > 0)
        putchar(' ');
    for (word32 i = 0; i < count; i++)
        printf("%02x", octets[i]);
}

static void run(const struct operation *operation, long count)
{
    long successes = 0;
    int last = 0;
    long long start, end;
    if (input_count == 0)
        fail("no inputs");
    for (int i = 0; i < input_count; i++)
        if (inputs[i].count != operation->words)
            fail("the inputs are for another operation");
    if (operation->set_up)
        operation->set_up(&inputs[next_input]);
    start = cpu_time();
    for (long i = 0; i < count; i++) {
        last = next_input;
        next_input = (next_input + 1) % input_count;
        result_length[0] = result_length[1] = 0;
        successes += operation->run(&inputs[last]);
    }
    end = cpu_time();
    printf("%lld %ld %d", end - start, successes, last);
    print(result[0], result_length[0]);
    print(result[1], result_length[1]);
    putchar('\n');
}

static void find_and_run(void)
{
    if (word_count != 3)
        fail("run OPERATION COUNT");
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
        if (!strcmp(words[1], operations[i].name)) {
            run(&operations[i], atol(words[2]));
            return;
        }
    }
    fail("unknown operation");
}

static void add_input(void)
{
    if (input_count == MAX_INPUTS)
        fail("too many inputs");
    read_octets(&inputs[input_count++]);
    puts("ok");
}

static void answer(void)
{
    if (!strcmp(words[0], "version")) {
        puts(LIBWOLFSSL_VERSION_STRING);
    } else if (!strcmp(words[0], "kms")) {
        set_kms();
    } else if (!strcmp(words[0], "inputs")) {
        input_count = next_input = 0;
        puts("ok");
    } else if (!strcmp(words[0], "input")) {
        add_input();
    } else if (!strcmp(words[0], "run")) {
        find_and_run();
    } else {
        fail("unknown request");
    }
    fflush(stdout);
}

int main(void)
{
    must(wc_InitRng(&rng), "InitRng");
    must(mp_init(&ssk), "mp_init");
    point = wc_ecc_new_point();
    if (!point)
        fail("out of memory");
    while (fgets(request, sizeof(request), stdin)) {
        split();
        if (word_count > 0)
            answer();
    }
    return 0;
}
