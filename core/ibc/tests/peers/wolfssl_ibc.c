/* ECCSI and SAKKE of wolfSSL behind lines of text, a peer for the tests: never part of the product.
 *
 * One request a line, words divided by spaces, octets in hexadecimal; one answer a line:
 *   auth KSAK KPAK          -> ok        the KMS of the ECCSI requests (32 and 65 octets)
 *   enc ZT Z                -> ok        the KMS of the SAKKE requests (128 and 257 octets)
 *   auth-public KPAK        -> ok        a user of that KMS: nothing can be issued
 *   enc-public Z            -> ok        the same for SAKKE
 *   pair ID                 -> SSK PVT   issue as KMS
 *   check-pair ID SSK PVT   -> 1 | 0
 *   sign ID SSK PVT M       -> SIG
 *   verify ID SIG M         -> 1 | 0
 *   rsk ID                  -> RSK       issue as KMS
 *   check-rsk ID RSK        -> 1 | 0
 *   encapsulate ID SSV      -> SED
 *   decapsulate ID RSK SED  -> SSV | 0
 * Anything that fails for another reason ends the program with a message.
 */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/eccsi.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/sakke.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_WORDS 6
#define MAX_OCTETS 4096
#define POINT 65
#define SAKKE_POINT 257

static WC_RNG rng;
static EccsiKey eccsi;
static SakkeKey sakke;
static byte sakke_kms[384]; /* z_T, x and y of Z */
static int only_public;     /* without z_T */
static char request[MAX_WORDS * 2 * MAX_OCTETS];
static char *words[MAX_WORDS];
static int word_count;
static byte octets[MAX_WORDS][MAX_OCTETS];
static word32 length[MAX_WORDS];

static void must(int result, const char *what)
{
    if (result == 0)
        return;
    fprintf(stderr, "%s: %d %s\n", what, result, wc_GetErrorString(result));
    exit(1);
}

static void print(const byte *data, word32 count)
{
    for (word32 i = 0; i < count; i++)
        printf("%02x", data[i]);
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    fprintf(stderr, "not a hexadecimal digit: %c\n", c);
    exit(1);
}

static void parse(void)
{
    word_count = 0;
    for (char *word = strtok(request, " \n"); word && word_count < MAX_WORDS; word = strtok(NULL, " \n"))
        words[word_count++] = word;
    for (int i = 1; i < word_count; i++) {
        if (!strcmp(words[i], "-")) { /* no octets */
            length[i] = 0;
            continue;
        }
        length[i] = (word32)(strlen(words[i]) / 2);
        if (length[i] > MAX_OCTETS) {
            fprintf(stderr, "word too long\n");
            exit(1);
        }
        for (word32 j = 0; j < length[i]; j++)
            octets[i][j] = (byte)(nibble(words[i][2 * j]) << 4 | nibble(words[i][2 * j + 1]));
    }
}

static void need(int i, word32 wanted)
{
    if (i < word_count && length[i] == wanted)
        return;
    fprintf(stderr, "%s: word %d must have %u octets\n", words[0], i, wanted);
    exit(1);
}

static void auth(void)
{
    byte key[96];
    need(1, 32);
    need(2, POINT);
    memcpy(key, octets[1], 32);
    memcpy(key + 32, octets[2] + 1, 64);
    wc_FreeEccsiKey(&eccsi);
    must(wc_InitEccsiKey(&eccsi, NULL, INVALID_DEVID), "InitEccsiKey");
    must(wc_ImportEccsiKey(&eccsi, key, sizeof(key)), "ImportEccsiKey");
    puts("ok");
}

static void auth_public(void)
{
    need(1, POINT);
    wc_FreeEccsiKey(&eccsi);
    must(wc_InitEccsiKey(&eccsi, NULL, INVALID_DEVID), "InitEccsiKey");
    must(wc_ImportEccsiPublicKey(&eccsi, octets[1] + 1, POINT - 1, 0), "ImportEccsiPublicKey");
    puts("ok");
}

/* wolfSSL 5.5.4 leaves its SAKKE key in another state after the client's operations, so that a following issue of
 * an RSK is wrong: every request gets a fresh key. */
static void fresh_sakke(void)
{
    wc_FreeSakkeKey(&sakke);
    must(wc_InitSakkeKey(&sakke, NULL, INVALID_DEVID), "InitSakkeKey");
    if (only_public)
        must(wc_ImportSakkePublicKey(&sakke, sakke_kms + 128, 256, 0), "ImportSakkePublicKey");
    else
        must(wc_ImportSakkeKey(&sakke, sakke_kms, sizeof(sakke_kms)), "ImportSakkeKey");
}

static void enc(void)
{
    need(1, 128);
    need(2, SAKKE_POINT);
    memcpy(sakke_kms, octets[1], 128);
    memcpy(sakke_kms + 128, octets[2] + 1, 256);
    only_public = 0;
    puts("ok");
}

static void enc_public(void)
{
    need(1, SAKKE_POINT);
    memset(sakke_kms, 0, 128);
    memcpy(sakke_kms + 128, octets[1] + 1, 256);
    only_public = 1;
    puts("ok");
}

static void pair(void)
{
    mp_int ssk;
    ecc_point *pvt = wc_ecc_new_point();
    byte data[POINT];
    word32 size;
    must(mp_init(&ssk), "mp_init");
    must(wc_MakeEccsiPair(&eccsi, &rng, WC_HASH_TYPE_SHA256, octets[1], length[1], &ssk, pvt), "MakeEccsiPair");
    size = 32;
    must(wc_EncodeEccsiSsk(&eccsi, &ssk, data, &size), "EncodeEccsiSsk");
    print(data, size);
    putchar(' ');
    size = sizeof(data);
    must(wc_EncodeEccsiPvt(&eccsi, pvt, data, &size, 0), "EncodeEccsiPvt");
    print(data, size);
    putchar('\n');
    wc_ecc_del_point(pvt);
}

/* Reads SSK from word 2 and PVT from word 3. */
static void read_pair(mp_int *ssk, ecc_point *pvt)
{
    need(2, 32);
    need(3, POINT);
    must(mp_init(ssk), "mp_init");
    must(wc_DecodeEccsiSsk(&eccsi, octets[2], 32, ssk), "DecodeEccsiSsk");
    must(wc_DecodeEccsiPvt(&eccsi, octets[3] + 1, 64, pvt), "DecodeEccsiPvt");
}

static void set_identity(ecc_point *pvt)
{
    byte hash[WC_MAX_DIGEST_SIZE];
    byte size = 0;
    must(wc_HashEccsiId(&eccsi, WC_HASH_TYPE_SHA256, octets[1], length[1], pvt, hash, &size), "HashEccsiId");
    must(wc_SetEccsiHash(&eccsi, hash, size), "SetEccsiHash");
}

static void check_pair(void)
{
    mp_int ssk;
    ecc_point *pvt = wc_ecc_new_point();
    int valid = 0;
    read_pair(&ssk, pvt);
    must(wc_ValidateEccsiPair(&eccsi, WC_HASH_TYPE_SHA256, octets[1], length[1], &ssk, pvt, &valid),
         "ValidateEccsiPair");
    printf("%d\n", valid != 0);
    wc_ecc_del_point(pvt);
}

static void sign(void)
{
    mp_int ssk;
    ecc_point *pvt = wc_ecc_new_point();
    byte signature[129];
    word32 size = sizeof(signature);
    read_pair(&ssk, pvt);
    set_identity(pvt);
    must(wc_SetEccsiPair(&eccsi, &ssk, pvt), "SetEccsiPair");
    must(wc_SignEccsiHash(&eccsi, &rng, WC_HASH_TYPE_SHA256, octets[4], length[4], signature, &size), "SignEccsiHash");
    print(signature, size);
    putchar('\n');
    wc_ecc_del_point(pvt);
}

static void verify(void)
{
    ecc_point *pvt = wc_ecc_new_point();
    int verified = 0;
    need(2, 129);
    must(wc_DecodeEccsiPvtFromSig(&eccsi, octets[2], length[2], pvt), "DecodeEccsiPvtFromSig");
    set_identity(pvt);
    must(wc_VerifyEccsiHash(&eccsi, WC_HASH_TYPE_SHA256, octets[3], length[3], octets[2], length[2], &verified),
         "VerifyEccsiHash");
    printf("%d\n", verified != 0);
    wc_ecc_del_point(pvt);
}

static void rsk(void)
{
    ecc_point *point = wc_ecc_new_point();
    byte data[SAKKE_POINT];
    word32 size = sizeof(data);
    fresh_sakke();
    must(wc_MakeSakkeRsk(&sakke, octets[1], (word16)length[1], point), "MakeSakkeRsk");
    must(wc_EncodeSakkeRsk(&sakke, point, data, &size, 0), "EncodeSakkeRsk");
    print(data, size);
    putchar('\n');
    wc_ecc_del_point(point);
}

static void check_rsk(void)
{
    ecc_point *point = wc_ecc_new_point();
    int valid = 0;
    fresh_sakke();
    need(2, SAKKE_POINT);
    must(wc_DecodeSakkeRsk(&sakke, octets[2] + 1, SAKKE_POINT - 1, point), "DecodeSakkeRsk");
    must(wc_ValidateSakkeRsk(&sakke, octets[1], (word16)length[1], point, &valid), "ValidateSakkeRsk");
    printf("%d\n", valid != 0);
    wc_ecc_del_point(point);
}

static void encapsulate(void)
{
    byte auth[SAKKE_POINT];
    word16 size = sizeof(auth);
    fresh_sakke();
    must(wc_SetSakkeIdentity(&sakke, octets[1], (word16)length[1]), "SetSakkeIdentity");
    must(wc_MakeSakkePointI(&sakke, octets[1], (word16)length[1]), "MakeSakkePointI");
    must(wc_MakeSakkeEncapsulatedSSV(&sakke, WC_HASH_TYPE_SHA256, octets[2], (word16)length[2], auth, &size),
         "MakeSakkeEncapsulatedSSV");
    print(auth, size);
    print(octets[2], length[2]);
    putchar('\n');
}

static void decapsulate(void)
{
    ecc_point *point = wc_ecc_new_point();
    int result;
    fresh_sakke();
    need(2, SAKKE_POINT);
    must(wc_DecodeSakkeRsk(&sakke, octets[2] + 1, SAKKE_POINT - 1, point), "DecodeSakkeRsk");
    must(wc_SetSakkeIdentity(&sakke, octets[1], (word16)length[1]), "SetSakkeIdentity");
    must(wc_MakeSakkePointI(&sakke, octets[1], (word16)length[1]), "MakeSakkePointI");
    must(wc_SetSakkeRsk(&sakke, point, NULL, 0), "SetSakkeRsk");
    result = wc_DeriveSakkeSSV(&sakke, WC_HASH_TYPE_SHA256, octets[3] + SAKKE_POINT,
                               (word16)(length[3] - SAKKE_POINT), octets[3], SAKKE_POINT);
    if (result == 0)
        print(octets[3] + SAKKE_POINT, length[3] - SAKKE_POINT);
    else if (result == SAKKE_VERIFY_FAIL_E)
        putchar('0');
    else
        must(result, "DeriveSakkeSSV");
    putchar('\n');
    wc_ecc_del_point(point);
}

static const struct {
    const char *name;
    void (*run)(void);
} requests[] = {
    {"auth", auth}, {"enc", enc}, {"auth-public", auth_public}, {"enc-public", enc_public}, {"pair", pair},
    {"check-pair", check_pair}, {"sign", sign}, {"verify", verify}, {"rsk", rsk}, {"check-rsk", check_rsk}, {"encapsulate", encapsulate}, {"decapsulate", decapsulate},
};

static void answer(void)
{
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        if (!strcmp(words[0], requests[i].name)) {
            requests[i].run();
            fflush(stdout);
            return;
        }
    }
    fprintf(stderr, "unknown request %s\n", words[0]);
    exit(1);
}

int main(void)
{
    must(wc_InitRng(&rng), "InitRng");
    must(wc_InitEccsiKey(&eccsi, NULL, INVALID_DEVID), "InitEccsiKey");
    must(wc_InitSakkeKey(&sakke, NULL, INVALID_DEVID), "InitSakkeKey");
    while (fgets(request, sizeof(request), stdin)) {
        parse();
        if (word_count > 0)
            answer();
    }
    return 0;
}
