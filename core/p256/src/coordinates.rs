//! Points in coordinates without division, and the formulas of the curve y² = x³ - 3x + b.
//!
//! [`Jacobian`] doubles fastest, [`Sum`] adds points of a table fastest. The formulas count field products as M and
//! squares as S. Products that wait for each other do not stand side by side where that can be avoided: a processor
//! looks ahead over little more than one of them.

use crate::arithmetic::{Affine, Arithmetic, Fe};
use zeroize::DefaultIsZeroes;

/// (X/Z², Y/Z³) with ZZ = Z²; infinity has Z = ZZ = 0.
#[derive(Clone, Copy, Default)]
pub(crate) struct Jacobian {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
    pub(crate) z: Fe,
    pub(crate) zz: Fe,
}

/// (X/ZZ, Y/ZZZ) with ZZ³ = ZZZ²; infinity has ZZ = ZZZ = 0.
#[derive(Clone, Copy, Default)]
pub(crate) struct Sum {
    pub(crate) x: Fe,
    pub(crate) y: Fe,
    pub(crate) zz: Fe,
    pub(crate) zzz: Fe,
}

impl DefaultIsZeroes for Sum {}

/// A Jacobian point with Z³, for adding it often.
#[derive(Clone, Copy)]
pub(crate) struct Cached {
    point: Jacobian,
    zzz: Fe,
}

/// What an addition computes first: P = difference of x, R = difference of y, over the common denominators.
pub(crate) struct Differences {
    pub(crate) p: Fe,
    pub(crate) r: Fe,
}

impl Jacobian {
    pub(crate) const INFINITY: Self = Self {
        x: Fe::ZERO,
        y: Fe::ZERO,
        z: Fe::ZERO,
        zz: Fe::ZERO,
    };

    pub(crate) const fn from_affine(point: &Affine) -> Self {
        Self {
            x: point.x,
            y: point.y,
            z: Fe::ONE,
            zz: Fe::ONE,
        }
    }

    /// 2 · self, 4M + 4S, also for infinity. No point has y = 0: the order q of the group is odd.
    ///
    /// The tangent's slope is halved, L = 3(X - Z²)(X + Z²)/2, which makes Z3 = Y·Z without a factor 2.
    #[inline(always)]
    pub(crate) fn double<A: Arithmetic>(&self) -> Self {
        let product = A::mul(&A::sub(&self.x, &self.zz), &A::add(&self.x, &self.zz));
        let yy = A::square(&self.y);
        let z = A::mul(&self.y, &self.z);
        let slope = A::add(&product, &A::half(&product));
        let slope_squared = A::square(&slope);
        let t = A::mul(&self.x, &yy);
        let zz = A::square(&z);
        let yyyy = A::square(&yy);
        let x = A::sub(&A::sub(&slope_squared, &t), &t);
        let y = A::sub(&A::mul(&slope, &A::sub(&t, &x)), &yyyy);
        Self { x, y, z, zz }
    }

    pub(crate) fn cache<A: Arithmetic>(&self) -> Cached {
        Cached {
            point: *self,
            zzz: A::mul(&self.zz, &self.z),
        }
    }

    /// self + other, 11M + 3S, in variable time: every case is looked at.
    #[inline(always)]
    pub(crate) fn add_vartime<A: Arithmetic>(&self, other: &Cached) -> Self {
        if self.z.is_zero_vartime() {
            return other.point;
        }
        if other.point.z.is_zero_vartime() {
            return *self;
        }
        let x2 = A::mul(&other.point.x, &self.zz);
        let zzz = A::mul(&self.zz, &self.z);
        let x1 = A::mul(&self.x, &other.point.zz);
        let y1 = A::mul(&self.y, &other.zzz);
        let y2 = A::mul(&other.point.y, &zzz);
        let z1z2 = A::mul(&self.z, &other.point.z);
        let p = A::sub(&x2, &x1);
        let r = A::sub(&y2, &y1);
        if p.is_zero_vartime() {
            return if r.is_zero_vartime() {
                self.double::<A>()
            } else {
                Self::INFINITY
            };
        }
        let pp = A::square(&p);
        let z = A::mul(&z1z2, &p);
        let rr = A::square(&r);
        let ppp = A::mul(&pp, &p);
        let q = A::mul(&x1, &pp);
        let y1_ppp = A::mul(&y1, &ppp);
        let x = A::sub(&A::sub(&A::sub(&rr, &ppp), &q), &q);
        let zz = A::square(&z);
        let y = A::sub(&A::mul(&r, &A::sub(&q, &x)), &y1_ppp);
        Self { x, y, z, zz }
    }

    /// The same point as a sum, 1M.
    pub(crate) fn to_sum<A: Arithmetic>(self) -> Sum {
        Sum {
            x: self.x,
            y: self.y,
            zz: self.zz,
            zzz: A::mul(&self.zz, &self.z),
        }
    }
}

impl Cached {
    pub(crate) fn negate<A: Arithmetic>(&self) -> Self {
        let y = A::negate(&self.point.y);
        Self {
            point: Jacobian { y, ..self.point },
            ..*self
        }
    }
}

impl Sum {
    pub(crate) const INFINITY: Self = Self {
        x: Fe::ZERO,
        y: Fe::ZERO,
        zz: Fe::ZERO,
        zzz: Fe::ZERO,
    };

    pub(crate) const fn from_affine(point: &Affine) -> Self {
        Self {
            x: point.x,
            y: point.y,
            zz: Fe::ONE,
            zzz: Fe::ONE,
        }
    }

    #[inline(always)]
    pub(crate) fn differences<A: Arithmetic>(&self, other: &Affine) -> Differences {
        let x = A::mul(&other.x, &self.zz);
        let y = A::mul(&other.y, &self.zzz);
        Differences {
            p: A::sub(&x, &self.x),
            r: A::sub(&y, &self.y),
        }
    }

    /// The rest of an addition with P ≠ 0. With P = 0 the result is infinity, which is right for opposite points
    /// and wrong for equal ones.
    #[inline(always)]
    pub(crate) fn finish<A: Arithmetic>(&self, differences: &Differences) -> Self {
        let Differences { p, r } = differences;
        let pp = A::square(p);
        let rr = A::square(r);
        let q = A::mul(&self.x, &pp);
        let ppp = A::mul(&pp, p);
        let zz = A::mul(&self.zz, &pp);
        let y1_ppp = A::mul(&self.y, &ppp);
        let x = A::sub(&A::sub(&A::sub(&rr, &ppp), &q), &q);
        let zzz = A::mul(&self.zzz, &ppp);
        let y = A::sub(&A::mul(r, &A::sub(&q, &x)), &y1_ppp);
        Self { x, y, zz, zzz }
    }

    /// self + other, 8M + 2S, for points that are neither infinity nor equal.
    #[inline(always)]
    pub(crate) fn add_different<A: Arithmetic>(&self, other: &Affine) -> Self {
        self.finish::<A>(&self.differences::<A>(other))
    }

    /// self + other, in variable time: every case is looked at.
    #[inline(always)]
    pub(crate) fn add_vartime<A: Arithmetic>(&self, other: &Affine) -> Self {
        if self.zz.is_zero_vartime() {
            return Self::from_affine(other);
        }
        let differences = self.differences::<A>(other);
        if !differences.p.is_zero_vartime() {
            return self.finish::<A>(&differences);
        }
        if differences.r.is_zero_vartime() {
            Jacobian::from_affine(other).double::<A>().to_sum::<A>()
        } else {
            Self::INFINITY
        }
    }

    /// The same point in Jacobian coordinates with Z = ZZ, 2M + 1S.
    pub(crate) fn to_jacobian<A: Arithmetic>(self) -> Jacobian {
        Jacobian {
            x: A::mul(&self.x, &self.zz),
            y: A::mul(&self.y, &self.zzz),
            z: self.zz,
            zz: A::square(&self.zz),
        }
    }

    /// The affine point, given 1/ZZZ: ZZ/ZZZ is 1/Z.
    pub(crate) fn to_affine<A: Arithmetic>(self, inverse_of_zzz: &Fe) -> Affine {
        let inverse_of_z = A::mul(&self.zz, inverse_of_zzz);
        Affine {
            x: A::mul(&self.x, &A::square(&inverse_of_z)),
            y: A::mul(&self.y, inverse_of_zzz),
        }
    }
}
